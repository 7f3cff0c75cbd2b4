//! The one integration binary: the program and its rooms, seen from outside.

mod judge;
