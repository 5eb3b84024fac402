//! Takes a journal, gives what people read: status, summary, failure report. A fold over events; works after a crash.
