#pragma once

// libtorch's warnings, made fit for a terminal: see warnings.cc.
namespace warnings {
void install();
}
