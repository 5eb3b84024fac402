//! Takes the results of all runs, gives the verdict.
