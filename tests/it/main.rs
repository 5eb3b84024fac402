//! The integration tests: one binary, one hermetic builder (`common`), real parts.

mod mask;
