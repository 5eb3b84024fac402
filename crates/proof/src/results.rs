//! Takes what a test runner reported, gives each test its outcome.
