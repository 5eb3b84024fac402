//! Takes a plan, gives events in the order they happen: the step state machine, timeouts, retries. Prints nothing.
