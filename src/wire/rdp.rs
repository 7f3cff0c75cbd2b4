//! rdp
