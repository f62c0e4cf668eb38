import DitherGraph
import DitherTensor

/// A way of training that changes the steps and not the network: noise on gradients, labels changed by chance, two
/// passes a step. Each hook does nothing by default; what is drawn is drawn at addresses made of the position, so that
/// a run can be resumed.
public protocol Strategy: Sendable {
  /// Changes a batch before it is run.
  func prepare(_ batch: inout Batch, at position: StepPosition) throws
  /// Changes gradients behind the backward pass, or runs the batch again.
  func gradients(_ step: inout TrainingStep) throws
  /// Changes parameters behind their update.
  func after(_ step: TrainingStep) throws
}

extension Strategy {
  public func prepare(_ batch: inout Batch, at position: StepPosition) throws {}
  public func gradients(_ step: inout TrainingStep) throws {}
  public func after(_ step: TrainingStep) throws {}
}

/// Where a run stands when it makes a step.
public struct StepPosition: Sendable {
  /// From 0, over all epochs.
  public let number: Int
  /// The share of all steps that are done, 0 to below 1.
  public let progress: Double
  /// The recipe's.
  public let seed: UInt64
}
