"""The demo game: Freedoom played by bots through ViZDoom, reporting over S4 and S1 as a real game would."""
