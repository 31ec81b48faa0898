#pragma once
#include <napi.h>

// The CPU allocator that libtorch gets: see allocator.cc for why.
namespace allocator {
void install(Napi::Env env, Napi::Object exports);
}
