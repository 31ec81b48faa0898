// The operators of our own namespace, `bridge`. The process has one dispatcher, whatever the number of environments and of
// copies of this package in it: the first one that is loaded defines them, and the others use them.
#pragma once

#include <torch/library.h>

#include <string>

namespace registration {

class Registrar {
 public:
  Registrar();

  // Defines an operator. Returns false, and defines none, where another copy of this package has defined the same one. Throws
  // where that copy's is different.
  bool define(const std::string& schema);
  bool define(const std::string& schema, torch::CppFunction&& function);

  torch::Library& cpu() { return cpuLibrary; }
  torch::Library& autogradCpu() { return autogradLibrary; }

 private:
  torch::Library definitions, cpuLibrary, autogradLibrary;
};

// Defines all operators of this package, once per process and copy.
void registerAll();

}  // namespace registration
