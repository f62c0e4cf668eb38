enum PlaceholderTrain {}
