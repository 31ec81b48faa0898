#pragma once
#include <napi.h>

// The CPU allocator that libtorch gets: see allocator.cc for why.
namespace registration {
class Registrar;
}

namespace allocator {
// Also puts the allocator in place, where no other copy of this package has done so.
void registerOperators(registration::Registrar& registrar);
void install(Napi::Env env, Napi::Object exports);
}
