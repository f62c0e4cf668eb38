import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// Twenty steps of an 8-16-3 network beside PyTorch's.
@Suite("Optimizers are PyTorch's", .enabled(if: Golden.isPresent, "reference vectors absent"))
struct OptimizerTests {
  static let cases = ["sgd", "sgd_momentum", "sgd_momentum_wd", "sgd_nesterov_wd", "adam", "adam_wd", "adamw"]

  private func optimizer(_ name: String) throws -> any Optimizer {
    let all = try #require(try Golden.json("training/info.json")["optimisers"] as? [String: Any])
    let entry = try #require(all[name] as? [String: Any]), defaults = try #require(entry["defaults"] as? [String: Any])
    func number(_ key: String) -> Double { (defaults[key] as? NSNumber)?.doubleValue ?? 0 }
    let betas = (defaults["betas"] as? [NSNumber])?.map(\.doubleValue) ?? [0, 0]
    var parameters = ["rate": "\(number("lr"))", "decay": "\(number("weight_decay"))"]
    switch entry["class"] as? String {
    case "SGD":
      parameters["momentum"] = "\(number("momentum"))"
      parameters["nesterov"] = (defaults["nesterov"] as? NSNumber)?.boolValue == true ? "true" : "false"
      return try Parameters.overlay(parameters, on: SGD(), of: name)
    case "Adam":
      parameters.merge(["beta1": "\(betas[0])", "beta2": "\(betas[1])", "epsilon": "\(number("eps"))"]) { $1 }
      return try Parameters.overlay(parameters, on: Adam(), of: name)
    default:
      parameters.merge(["beta1": "\(betas[0])", "beta2": "\(betas[1])", "epsilon": "\(number("eps"))"]) { $1 }
      return try Parameters.overlay(parameters, on: AdamW(), of: name)
    }
  }

  @Test("weights after 5, 10, 15 and 20 steps", arguments: cases)
  func parity(_ name: String) throws {
    let optimizer = try optimizer(name)
    func start(_ file: String) throws -> Tensor { try Golden.npy("training/init/\(file).npy").tensor }
    let builder = GraphBuilder(), x = builder.input("x", [8])
    let parameters = try ["w1", "b1", "w2", "b2"].map { builder.parameter($0, try start($0)) }
    let hidden = try builder.relu(builder.dense(x, parameters[0], parameters[1]))
    let graph = builder.finish(outputs: [("y", try builder.dense(hidden, parameters[2], parameters[3]))])
    let buffers = ParameterBuffers(graph, moving: true)
    let plan = try Plan(graph, parameters: buffers, options: .init(rows: 12, parameterGradients: true))
    let inputs = try Golden.npy("training/batches_x.npy").tensor
    let labels = try Golden.npy("training/batches_y.npy").integers()
    let trained = TrainedParameter.all(of: buffers)
    let state = (0..<optimizer.stateCount).map { _ in AlignedBuffer(floats: buffers.count) }
    let golden = try Golden.npy("training/\(name)/float32/losses.npy").numbers
    for step in 1...20 {
      let batch = inputs.rows(step - 1..<step).elements, y = Array(labels[(step - 1) * 12..<step * 12])
      _ = plan.input().update(fromContentsOf: batch)
      plan.forward()
      let losses = CrossEntropy().values(
        plan.output(), .classes(y, count: 3), weight: 1 / 12, gradient: plan.cotangent)
      plan.backward()
      #expect(abs(Double(losses.reduce(0, +)) / 12 - golden[step - 1]) < 5e-5, "loss of step \(step)")
      for parameter in trained {
        optimizer.update(
          parameter.view(
            buffers, UnsafeBufferPointer(plan.parameterGradients), state, seed: 1, step: step, examples: 12),
          rate: optimizer.rate, step: step)
      }
      guard step % 5 == 0 else { continue }
      for (file, id) in zip(["w1", "b1", "w2", "b2"], buffers.trainable) {
        let expected = try Golden.npy("training/\(name)/float32/step\(step)_\(file).npy").tensor.elements
        let found = try #require(buffers.tensor(id)).elements
        #expect(worstDifference(found, expected) < 5e-5, "\(file) after step \(step)")
      }
    }
  }
}
