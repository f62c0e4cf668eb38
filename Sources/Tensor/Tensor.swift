enum PlaceholderTensor {}
