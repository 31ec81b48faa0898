#pragma once
#include <napi.h>

// Random number generators: the devices' own and further ones, with seeds and whole states.
namespace random_generators {
void install(Napi::Env env, Napi::Object exports);
}
