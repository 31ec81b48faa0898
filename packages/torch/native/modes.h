#pragma once
#include <napi.h>

// Thread-local switches: gradients, inference mode, autocast.
namespace modes {
void install(Napi::Env env, Napi::Object exports);
}
