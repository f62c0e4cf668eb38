enum PlaceholderRobustness {}
