// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace uniad {

// From here on SIGINT and SIGTERM do not end the process; interrupted() says that one came. To be called
// before any thread starts. Signals that are ignored stay ignored.
void defer_interrupts();

// Whether ctrl-C (or SIGTERM) is waiting to be obeyed. Cheap; from any thread.
bool interrupted();

}  // namespace uniad
