#pragma once
#include <napi.h>

// Threads, devices, and what this libtorch was built with.
namespace device {
void install(Napi::Env env, Napi::Object exports);
}
