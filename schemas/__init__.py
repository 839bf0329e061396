"""The contract: commands, events, envelope, codec, topics. Imports nothing of ours."""
