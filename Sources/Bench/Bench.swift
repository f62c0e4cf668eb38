enum PlaceholderBench {}
