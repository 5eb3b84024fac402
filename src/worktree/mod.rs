//! Takes a repository and a run id, gives an isolated checkout; checkpoint, reset, salvage, proof, teardown.
//! Trusts not a byte that a step wrote.
