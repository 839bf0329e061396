"""The one place that touches Faust: settings, patches, watchdog, and the shell around a LogReader."""
