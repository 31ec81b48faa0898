#include "registration.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/frontend/function_schema_parser.h>

#include <sstream>

#include "allocator.h"
#include "autograd.h"
#include "cuda_graphs.h"
#include "images.h"
#include "kernels.h"

namespace {

std::string textOf(const c10::FunctionSchema& schema) {
  std::ostringstream text;
  text << schema;
  return text.str();
}

// Whether another copy of this package has the operator.
bool isDefined(const std::string& schema) {
  const auto ours = torch::jit::parseSchema("bridge::" + schema);
  const auto known = c10::Dispatcher::singleton().findSchema(ours.operator_name());
  if (!known) return false;
  TORCH_CHECK(textOf(known->schema()) == textOf(ours), "another version of @deit-lt/torch is loaded in this process: its operator is ",
              known->schema(), ", and this one's is ", ours, ". Install one version for all packages (`npm dedupe`)");
  return true;
}

}  // namespace

registration::Registrar::Registrar()
    : definitions(torch::Library::FRAGMENT, "bridge", {}, __FILE__, __LINE__),
      cpuLibrary(torch::Library::IMPL, "bridge", c10::DispatchKey::CPU, __FILE__, __LINE__),
      autogradLibrary(torch::Library::IMPL, "bridge", c10::DispatchKey::AutogradCPU, __FILE__, __LINE__) {}

bool registration::Registrar::define(const std::string& schema) {
  if (isDefined(schema)) return false;
  definitions.def(schema.c_str());
  return true;
}

bool registration::Registrar::define(const std::string& schema, torch::CppFunction&& function) {
  if (isDefined(schema)) return false;
  definitions.def(schema.c_str(), std::move(function));
  return true;
}

void registration::registerAll() {
  // Never destroyed: calls may come until the process ends, and the addon is not unloaded before (setup/compile-flags.mjs).
  static Registrar* const registrar = [] {
    auto* made = new Registrar();
    autograd::registerOperators(*made);
    kernels::registerOperators(*made);
    images::registerOperators(*made);
    allocator::registerOperators(*made);
    cuda_graphs::registerOperators(*made);
    return made;
  }();
  (void)registrar;
}
