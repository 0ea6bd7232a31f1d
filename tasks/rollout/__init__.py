"""The client's half of a rollout: plans (recipe, planner), the conversation (coordinator, peer) and events."""
