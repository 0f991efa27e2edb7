//! The room of identity on folders of its own.
