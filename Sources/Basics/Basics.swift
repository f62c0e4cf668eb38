enum PlaceholderBasics {}
