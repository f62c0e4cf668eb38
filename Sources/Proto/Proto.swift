enum PlaceholderProto {}
