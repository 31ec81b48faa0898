// libtorch's warnings: each message once per process, in one line on the standard error. By default
// libtorch repeats them at every call, in glog's format.
#include "warnings.h"

#include <c10/util/Exception.h>

#include <cstdio>
#include <mutex>
#include <string>
#include <unordered_set>

#include "version.h"

namespace {

void printOnce(const std::string& message) {
  static std::mutex mutex;
  static std::unordered_set<std::string> seen;
  std::lock_guard<std::mutex> lock(mutex);
  if (seen.size() > 1000 || !seen.insert(message).second) return;  // some messages hold sizes, and never end
  std::fprintf(stderr, "torch: warning: %s\n", message.c_str());
}

class OncePerMessage : public c10::WarningHandler {
 public:
#if TORCH_AT_LEAST(2, 0)
  void process(const c10::Warning& warning) override { printOnce(warning.msg()); }
#else
  void process(const c10::SourceLocation&, const std::string& message, const bool) override { printOnce(message); }
#endif
};

}  // namespace

// The handler belongs to a thread: every environment sets its own thread's.
void warnings::install() {
  static OncePerMessage handler;
#if TORCH_AT_LEAST(2, 0)
  c10::WarningUtils::set_warning_handler(&handler);
#else
  c10::Warning::set_warning_handler(&handler);
#endif
}
