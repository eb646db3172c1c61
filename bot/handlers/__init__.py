"""What members press and type in Slack, one module for each subject."""
