import DitherGraph
import DitherInference
import DitherTensor
import Testing

/// What a batch is cut into, and that some plans have more places than rows, is nobody's business.
@Suite("Batches of any size")
struct ModelTests {
  private static let most = 70, width = 6, classes = 3

  private func model(sigma: Float = 0) throws -> Model {
    let builder = GraphBuilder(name: "two layers"), x = builder.input("x", [Self.width])
    func parameter(_ name: String, _ shape: Shape, _ seed: UInt64) -> Value {
      builder.parameter(name, Tensor(shape, NoiseAddress(seed: seed).normals(shape.count)))
    }
    let hidden = try builder.relu(builder.dense(x, parameter("w", [8, Self.width], 1), parameter("b", [8], 2)))
    let logits = try builder.dense(hidden, parameter("v", [Self.classes, 8], 3), parameter("c", [Self.classes], 4))
    var graph = builder.finish(outputs: [("logits", logits)])
    if sigma > 0 { graph.noise = NoiseModel([.init(.weights, sigma: sigma)]) }
    return try Model(graph)
  }

  private var inputs: Tensor {
    Tensor([Self.most, Self.width], NoiseAddress(seed: 5).normals(Self.most * Self.width))
  }
  private var labels: [Int] { (0..<Self.most).map { $0 % Self.classes } }

  @Test("every row answers as it does alone")
  func outputs() throws {
    let model = try model(), inputs = inputs
    let alone = try Tensor.concatenate((0..<Self.most).map { try model.outputs(inputs.rows($0..<$0 + 1)) })
    for count in 1...Self.most {
      #expect(try model.outputs(inputs.rows(0..<count)).isClose(to: alone.rows(0..<count), absolute: 1e-5), "\(count)")
    }
  }

  @Test("every row has the gradient that it has alone")
  func gradients() throws {
    let model = try model(), inputs = inputs
    let alone = try (0..<Self.most).map {
      try model.lossGradient(inputs.rows($0..<$0 + 1), loss: .crossEntropy, targets: [labels[$0]])
    }
    let gradient = Tensor.concatenate(alone.map(\.gradient))
    for count in 1...Self.most {
      let found = try model.lossGradient(
        inputs.rows(0..<count), loss: .crossEntropy, targets: Array(labels[..<count]))
      #expect(found.gradient.isClose(to: gradient.rows(0..<count), absolute: 1e-5), "\(count)")
      #expect(zip(found.losses, alone).allSatisfy { abs($0 - $1.losses[0]) < 1e-4 }, "\(count)")
    }
  }

  @Test("every row has the draws that it has alone", arguments: [NoisePath.fresh, .explicit], [1, 3, 5, 8])
  func draws(_ path: NoisePath, _ draws: Int) throws {
    let model = try model(sigma: 0.3), inputs = inputs
    for isAntithetic in [false, true] {
      func sample(_ rows: Range<Int>) throws -> Tensor {
        try model.sampledOutputs(
          inputs.rows(rows),
          NoiseDraws(0..<draws, seeds: rows.map(UInt64.init), path: path, antithetic: isAntithetic))
      }
      let alone = try (0..<Self.most).map { try sample($0..<$0 + 1) }
      for count in [1, 2, 5, 7, 11, 13, 25, 33, 47, 65, 70] {
        let found = try sample(0..<count)
        for draw in 0..<draws {
          for row in 0..<count {
            let one = alone[row].elements[draw * Self.classes..<(draw + 1) * Self.classes]
            let same = found.elements[(draw * count + row) * Self.classes..<(draw * count + row + 1) * Self.classes]
            #expect(zip(one, same).allSatisfy { abs($0 - $1) < 1e-4 }, "draw \(draw) of row \(row) of \(count)")
          }
        }
      }
    }
  }

  @Test(
    "rows of one seed may share the weights that are drawn: the answers stay", arguments: [1, 4, 5],
    [(false, false), (false, true), (true, true)])
  func sharedDraws(_ draws: Int, _ options: (isAntithetic: Bool, isFolded: Bool)) throws {
    let isAntithetic = options.isAntithetic
    // More positions than noise is drawn at: each row draws the convolution's weights. More rows than one run takes.
    let size = 65, rows = 50, builder = GraphBuilder(name: "convolution"), x = builder.input("x", [1, size, size])
    func parameter(_ name: String, _ shape: Shape, _ seed: UInt64) -> Value {
      builder.parameter(name, Tensor(shape, NoiseAddress(seed: seed).normals(shape.count)))
    }
    var inner = try builder.convolution(x, parameter("w", [4, 1, 3, 3], 1), nil, padding: 1)
    if options.isFolded { inner = try builder.batchNormalization(inner, channels: 4, name: "n") }
    inner = try builder.relu(inner)
    let flat = try builder.flatten(builder.globalAveragePool(inner))
    var graph = builder.finish(
      outputs: [("logits", try builder.dense(flat, parameter("v", [Self.classes, 4], 2), nil))])
    graph.noise = NoiseModel([.init(.weights, sigma: 0.2)])
    let model = try Model(graph)
    #expect(!model.drawsAtOutputs && model.drawsFreshNoise)
    let inputs = Tensor([rows, 1, size, size], NoiseAddress(seed: 3).normals(rows * size * size))
    func gradient(_ path: NoisePath) throws -> Model.LossGradient {
      try model.lossGradient(
        inputs, loss: .crossEntropy, targets: (0..<rows).map { $0 % Self.classes },
        draws: NoiseDraws(
          0..<draws, seeds: [UInt64](repeating: 9, count: rows), path: path, antithetic: isAntithetic))
    }
    let fresh = try gradient(.fresh), shared = try gradient(.exact)
    #expect(shared.outputs.isClose(to: fresh.outputs, absolute: 1e-4))
    #expect(shared.gradient.isClose(to: fresh.gradient, absolute: 1e-5))
    #expect(zip(shared.losses, fresh.losses).allSatisfy { abs($0 - $1) < 1e-4 })
    let path = try [NoisePath.fresh, .exact].map {
      try model.sampledOutputs(
        inputs,
        NoiseDraws(0..<draws, seeds: [UInt64](repeating: 9, count: rows), path: $0, antithetic: isAntithetic))
    }
    #expect(path[0].isClose(to: path[1], absolute: 1e-4) && path[0].isClose(to: fresh.outputs, absolute: 1e-4))
  }
}
