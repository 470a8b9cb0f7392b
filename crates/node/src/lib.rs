//! The Node-API binding of Buskin: translates between JavaScript and the core, decides nothing.
