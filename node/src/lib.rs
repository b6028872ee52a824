//! The agent, its coordinators, its local API and the command line of Cairn.
