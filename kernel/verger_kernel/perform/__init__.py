"""The hands: one short function an effect, each answers with the event that came of it."""
