/// Where a training stands, for the progress line.
public struct TrainProgress: Sendable {
  /// From 1.
  public var epoch: Int
  /// As the recipe says.
  public var epochs: Int
  /// Steps of this epoch that are done.
  public var step: Int
  /// Batches of the training part.
  public var stepsPerEpoch: Int
  /// Over the whole run so far.
  public var examplesPerSecond: Double
  /// Mean over the epoch so far.
  public var loss: Double
  /// Over the epoch so far, on the examples as they were trained on.
  public var quality: TrainQuality
  /// Behind an epoch, where there is a validation part.
  public var validation: TrainQuality?
  /// If all steps are made.
  public var secondsLeft: Double
  /// Whether the epoch is over.
  public var endsEpoch: Bool
}
