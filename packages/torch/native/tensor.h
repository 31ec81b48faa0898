#pragma once
#include <napi.h>

// Tensors from and to JavaScript memory, what they are, and their release.
namespace tensor {
void install(Napi::Env env, Napi::Object exports);
}
