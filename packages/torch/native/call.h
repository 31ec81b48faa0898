#pragma once
#include <napi.h>

// Any operator of the dispatcher, called through the shared words.
namespace call {
void install(Napi::Env env, Napi::Object exports);
}
