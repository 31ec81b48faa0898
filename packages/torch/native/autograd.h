// Reverse-mode differentiation: autograd.cc makes operators of libtorch's functions.
#pragma once

namespace registration {
class Registrar;
}

namespace autograd {
void registerOperators(registration::Registrar& registrar);
}
