// What some operators do not check themselves: each guard throws, or puts other arguments in their place, where libtorch
// would end the process.
#pragma once

#include "state.h"

namespace guards {

// The guards of one operator, found once by its name and the names of its arguments.
Guards find(const c10::FunctionSchema& schema);

// Looks at the arguments on the stack. Returns the operator to call with them: `op`'s own, or a sibling of it.
const c10::OperatorHandle& check(const Op& op, c10::Stack& stack);

}  // namespace guards
