#pragma once
#include "registration.h"

// Streams and captured graphs of CUDA devices.
namespace cuda_graphs {
void registerOperators(registration::Registrar& registrar);
}
