// Guards of single operators, by their names.
#pragma once

#include <string>

#include "state.h"

namespace guards {

// Without the namespace and the underscore of in-place operators: "aten::lcm_" → "lcm".
std::string baseName(const c10::FunctionSchema& schema);

// The place of an operator's own check in the table; -1 where it has none.
int namedCheck(const c10::FunctionSchema& schema);

// Runs the check at that place. Throws for arguments that would end the process.
void runNamedCheck(int check, const c10::FunctionSchema& schema, const c10::Stack& stack);

// One integer or a list of them; none for other values.
std::vector<int64_t> integers(const c10::IValue& value);

}  // namespace guards
