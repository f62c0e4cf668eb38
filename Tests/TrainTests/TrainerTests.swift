import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTrain
import Foundation
import Testing

/// Two clouds of points that a small network can part.
private func clouds(_ count: Int = 256, shape: Shape = [6]) -> Dataset {
  let whole = Shape([count] + shape.dimensions)
  var inputs = Tensor(whole, NoiseAddress(seed: 3).normals(whole.count).map { 0.5 + 0.15 * $0 })
  let labels = (0..<count).map { $0 % 2 }
  for row in 0..<count where labels[row] == 1 {
    for i in 0..<inputs.rowLength where i % 2 == 0 { inputs.elements[row * inputs.rowLength + i] += 0.3 }
  }
  return Dataset(name: "clouds", inputs: inputs, labels: labels, classNames: ["a", "b"])
}

private func recipe(_ extra: String = "", model: String = "{kind: mlp, hidden: [16]}") throws -> Recipe {
  try Recipe(
    yaml: """
      name: test
      data: iris
      model: \(model)
      optimizer: {kind: sgd, rate: 0.2, momentum: 0.9}
      schedule: {kind: cosine, warmup: 0.1}
      epochs: 10
      batch: 32
      seed: 5
      \(extra)
      """)
}

private let noise = """
  noise:
    - {site: input, sigma: 0.05}
    - {site: weights, sigma: 0.05}
    - {site: gradients, sigma: 0.001}
  noise_schedule: {kind: annealed, final: 0.2}
  """

@Test("training learns", arguments: ["", noise])
func learns(_ extra: String) throws {
  let trainer = try Trainer(recipe(extra), data: clouds(), threads: 1)
  var last: TrainProgress?
  try trainer.run(progress: { last = $0 })
  #expect(trainer.isDone)
  #expect((last?.quality.accuracy ?? 0) > 0.9 && last?.endsEpoch == true && last?.epoch == 10)
}

@Test func trainingStopsEarlyWhenValidationNoLongerImproves() throws {
  var recipe = try recipe("validation: 64\npatience: 2")
  recipe.epochs = 100
  // At a rate of almost nothing the first epoch stays the best.
  var still = SGD()
  still.rate = 1e-12
  recipe.optimizer = still
  let trainer = try Trainer(recipe, data: clouds(), threads: 1)
  var last: TrainProgress?
  try trainer.run(progress: { last = $0 })
  #expect(trainer.isDone && last?.epoch == 3 && last?.validation != nil)
}

@Test("a convolution learns under weight noise: most seeds all of it, each more than chance")
func convolutionLearns() throws {
  let data = clouds(128, shape: [1, 8, 8]), labels = (0..<128).map { $0 % 2 }
  let right = try [5, 6, 7].map { seed in
    var recipe = try recipe(noise, model: "{kind: cnn, channels: [4, 8], hidden: [16]}")
    recipe.seed = UInt64(seed)
    var adam = Adam()
    adam.rate = 0.01
    recipe.optimizer = adam
    let trainer = try Trainer(recipe, data: data, threads: 1)
    try trainer.run()
    // The deterministic pass: draws of an epoch's end would judge the seed.
    let found = try Model(trainer.snapshot()).outputs(data.inputs).labels()
    return zip(found, labels).count { $0 == $1 }
  }
  #expect(right.count { $0 > 115 } >= 2 && right.allSatisfy { $0 > 78 }, "\(right)")
}

@Test("a run that is stopped and resumed gives the same bytes", arguments: [1, 7, 8, 19])
func resumes(_ stopAfter: Int) throws {
  let recipe = try recipe(noise + "\nvalidation: 32\npatience: 3"), data = clouds()
  let whole = try Trainer(recipe, data: data, threads: 1)
  try whole.run()
  let folder = FileManager.default.temporaryDirectory.appending(path: "dither-resume-\(stopAfter)-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let path = folder.appending(path: "c").path, first = try Trainer(recipe, data: data, threads: 1)
  var steps = 0
  try first.run(shouldStop: {
    defer { steps += 1 }
    return steps == stopAfter
  })
  try first.checkpoint().write(to: path)
  let second = try Trainer(recipe, data: data, checkpoint: Checkpoint(file: path), threads: 1)
  try second.run()
  #expect(try second.snapshot().onnx() == whole.snapshot().onnx())
  #expect(second.position == whole.position)
}

@Test("every row of an epoch is trained on, those of the last, smaller batch too")
func remainder() throws {
  let data = clouds(5)
  var recipe = try recipe()
  (recipe.epochs, recipe.batch) = (1, 2)
  func bytes(_ data: Dataset) throws -> [UInt8] {
    let trainer = try Trainer(recipe, data: data, threads: 1)
    var last: TrainProgress?
    try trainer.run(progress: { last = $0 })
    #expect(trainer.stepsPerEpoch == 3 && last?.stepsPerEpoch == 3)
    return try trainer.snapshot().onnx()
  }
  let labels = try data.labels, usual = try bytes(data)
  for row in 0..<5 {
    var other = labels
    other[row] = 1 - other[row]
    #expect(
      try bytes(Dataset(name: "clouds", inputs: data.inputs, labels: other, classNames: ["a", "b"])) != usual,
      "row \(row)")
  }
}

@Test("the gradient of the last batch is the mean over its own rows")
func lastBatchIsAMean() throws {
  // Targets whose mean is 0 and whose deviation is 1 are trained on as they are.
  let targets = [-Float(1.5).squareRoot(), 0, Float(1.5).squareRoot()], inputs: [Float] = [0.5, -1, 2]
  let data = Dataset(
    name: "line", inputs: Tensor([3, 1], inputs), targets: .values(Tensor([3, 1], targets)), targetNames: ["y"])
  var recipe = try recipe(model: "{kind: mlp, hidden: []}")
  (recipe.epochs, recipe.batch, recipe.schedule) = (1, 2, ConstantSchedule())
  var sgd = SGD()
  (sgd.rate, sgd.momentum) = (0.1, 0)
  recipe.optimizer = sgd
  func line(_ trainer: Trainer) throws -> (slope: Float, start: Float) {
    let found = try Model(trainer.snapshot()).outputs(Tensor([2, 1], [0, 1])).elements
    return (found[1] - found[0], found[0])
  }
  let trainer = try Trainer(recipe, data: data, threads: 1), begin = try line(trainer)
  try trainer.run()
  let end = try line(trainer)
  // Whichever row was left over.
  let fits = (0..<3).count { alone in
    var (slope, start) = begin
    for batch in [(0..<3).filter { $0 != alone }, [alone]] {
      let errors = batch.map { slope * inputs[$0] + start - targets[$0] }, count = Float(batch.count)
      slope -= 0.1 * zip(errors, batch).reduce(0) { $0 + 2 * $1.0 * inputs[$1.1] } / count
      start -= 0.1 * errors.reduce(0) { $0 + 2 * $1 } / count
    }
    return abs(slope - end.slope) < 1e-5 && abs(start - end.start) < 1e-5
  }
  #expect(fits == 1, "from \(begin) to \(end)")
}

@Test("each checkpoint that is kept on the way gives the same bytes; without haste there is one an epoch")
func keptOnTheWay() throws {
  var recipe = try recipe(noise + "\nvalidation: 32\npatience: 3")
  recipe.epochs = 2
  let data = clouds()
  let whole = try Trainer(recipe, data: data, threads: 1)
  var kept: [Checkpoint] = []
  try whole.run(keep: { kept.append($0.checkpoint()) }, every: .zero)
  let places = kept.map { [$0.position.epoch, $0.position.step] }
  #expect(places == [0, 1].flatMap { epoch in (1..<7).map { [epoch, $0] } + [[epoch + 1, 0]] })
  for checkpoint in kept {
    let rest = try Trainer(recipe, data: data, checkpoint: checkpoint, threads: 1)
    try rest.run()
    #expect(try rest.snapshot().onnx() == whole.snapshot().onnx())
  }
  var rare = 0
  try Trainer(recipe, data: data, threads: 1).run(keep: { _ in rare += 1 })
  #expect(rare == 2)
}

@Test func checkpointsAreCheckedWhole() throws {
  let path = FileManager.default.temporaryDirectory.appending(path: "dither-checkpoint-\(UUID().uuidString)").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  let recipe = try recipe(), trainer = try Trainer(recipe, data: clouds(), threads: 1)
  try trainer.checkpoint().write(to: path)
  let whole = [UInt8](try #require(FileManager.default.contents(atPath: path)))
  #expect(try Checkpoint(file: path) == trainer.checkpoint())
  var damaged = whole
  damaged[damaged.count - 9] ^= 1
  for bytes in [[], Array(whole[..<40]), Array(whole.dropLast()), damaged] {
    _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
    #expect(throws: TrainError.self) { try Checkpoint(file: path) }
  }
  // Of another seed.
  _ = FileManager.default.createFile(atPath: path, contents: Data(whole))
  var other = recipe
  other.seed = 6
  #expect(throws: TrainError.self) { try Trainer(other, data: clouds(), checkpoint: Checkpoint(file: path)) }
}

@Test("normalization's statistics are those of the network without the noise of training", arguments: [false, true])
func statistics(_ isNoisy: Bool) throws {
  let data = clouds(64, shape: [1, 8, 8]), lines = "noise: [{site: weights, sigma: 0.5, scale: relative_to_layer}]"
  var recipe = try recipe(isNoisy ? lines : "", model: "{kind: resnet, channels: [4], blocks: 1}")
  recipe.epochs = 2
  recipe.batch = 64
  let trainer = try Trainer(recipe, data: data, threads: 1)
  try trainer.run()
  let graph = try trainer.snapshot(), buffers = ParameterBuffers(graph)
  let plan = try Plan(graph, parameters: buffers, options: .init(rows: 64, batchStatistics: true))
  _ = plan.input().update(fromContentsOf: data.inputs.elements)
  plan.forward()
  try #require(!plan.batchStatistics.isEmpty)
  for found in plan.batchStatistics {
    let mean = try #require(buffers.tensor(found.mean)).elements
    let variance = try #require(buffers.tensor(found.variance)).elements
    let unbiased = Float(found.count) / Float(found.count - 1)
    let fits = mean.indices.allSatisfy {
      abs(mean[$0] - found.batchMean[$0]) < 1e-3 && abs(variance[$0] / (unbiased * found.batchVariance[$0]) - 1) < 1e-3
    }
    // Running means after two steps are still mostly what they began with.
    #expect(fits == isNoisy)
  }
}

@Test func theTrainedModelCarriesItsNoiseAndLabels() throws {
  let trainer = try Trainer(recipe(noise), data: clouds(), threads: 1)
  try trainer.run()
  let model = try Model(onnx: trainer.snapshot().onnx())
  // What is served is the schedule's end: a fifth of 0.05.
  #expect(model.noise?.terms.map(\.site) == [.weights] && model.noise?.terms[0].schedule == nil)
  #expect(abs((model.noise?.terms[0].sigma ?? 0) - 0.01) < 1e-7)
  #expect(model.signature.labelNames == ["a", "b"])
}

@Test(
  "recipes are refused by key",
  arguments: [
    ("nam: x", "did you mean 'name'?"), ("epochs: 0", "'epochs'"), ("epochs: many", "'epochs'"),
    ("optimizer: {kind: sdg}", "'sgd'"),
    ("optimizer: {kind: sgd, rat: 1}", "'rate'"), ("noise: [{site: weight, sigma: 1}]", "did you mean 'weights'?"),
    ("noise: [{site: weights, sigma: -1}]", "a sigma from 0"),
    ("noise: [{site: weights, sigma: 1, color: red}]", "'color'"),
    ("patience: 3", "'validation'"), ("- a", "a mapping"), ("label_smoothing: 1", "'label_smoothing'"),
    ("name: ../x", "'name'"),
    ("model: {kind: mlp, hidden: [99999999999]}", "1 to 65536"), ("model: {kind: mlp, hidden: [-1]}", "'hidden'"),
    ("model: {kind: cnn, channels: [-4]}", "'channels'"), ("model: {kind: resnet, channels: []}", "'channels'"),
    ("model: {kind: resnet, blocks: 9999999999}", "'blocks'"), ("optimizer: {kind: sgd, rate: -1}", "'rate'"),
    ("optimizer: {kind: sgd, rate: 1e38}", "'rate'"), ("optimizer: {kind: sgd, momentum: 1}", "'momentum'"),
    ("optimizer: {kind: adam, beta1: 2}", "'beta1'"), ("optimizer: {kind: adamw, epsilon: 0}", "'epsilon'"),
    ("schedule: {kind: cosine, warmup: 5}", "'warmup'"), ("schedule: {kind: cosine, final: -3}", "'final'"),
    ("schedule: {kind: annealed, power: -5}", "'power'"),
    ("noise: [{site: weights, sigma: 1, schedule: {kind: annealed, power: -5}}]", "power"),
    ("model: {kind: mlp, ? [a, b] : 1}", "keys that are words"), ("{a: 1}: 2", "keys that are words"),
    ("strategies: !!set {a, [b]}", "keys that are words"),
    (
      "strategies: [&a [x, x, x, x], &b [*a, *a, *a, *a], &c [*b, *b, *b, *b], &d [*c, *c, *c, *c], "
        + "&e [*d, *d, *d, *d], &f [*e, *e, *e, *e], &g [*f, *f, *f, *f], &h [*g, *g, *g, *g]]", "at most 65536 values"
    ),
  ])
func badRecipes(_ line: String, _ advice: String) {
  let error = #expect(throws: (any Error).self) {
    try Recipe(yaml: line.hasPrefix("-") ? line : (line.hasPrefix("name") ? "" : "name: a\n") + "data: iris\n\(line)\n")
  }
  #expect("\(String(describing: error))".contains(advice))
}

@Test("a network of more weights than memory is refused")
func tooManyWeights() throws {
  let recipe = try recipe(model: "{kind: mlp, hidden: [65536, 65536]}")
  let error = #expect(throws: TrainError.self) { try Trainer(recipe, data: clouds(), threads: 1) }
  #expect(error?.code == .recipe && "\(String(describing: error))".contains("at most \(1 << 27) weights"))
}

@Test("noise at a site that the network has not is refused", arguments: ["embeddings", "after_normalization"])
func absentSite(_ site: String) throws {
  let recipe = try recipe("noise: [{site: \(site), sigma: 0.1}]")
  let error = #expect(throws: GraphError.self) { try Trainer(recipe, data: clouds()) }
  #expect("\(String(describing: error))".contains("input, weights, activations"))
}

@Test(
  "noise that could not be served is refused before the training",
  arguments: [
    ("{site: after_normalization, sigma: 0.1}", "input, weights, activations"),
    ("{site: weights, sigma: 0.1, layers: conv*}", "'layers'"),
    (
      "{site: gradients, sigma: 0.1}",
      "input, embeddings, weights, activations, after_normalization, dropout, got 'gradients'"
    ),
  ])
func unservable(_ term: String, _ words: String) throws {
  let error = #expect(throws: (any Error).self) {
    try Trainer(recipe("served_noise: [\(term)]"), data: clouds(), threads: 1)
  }
  #expect("\(String(describing: error))".contains(words))
}

@Test("a step too far ends the training, also where it is the last")
func lastStepDiverges() throws {
  var data = clouds()
  data.inputs = Tensor(data.inputs.shape, data.inputs.elements.map { $0 * 1e36 })
  var recipe = try recipe(model: "{kind: mlp, hidden: []}")
  (recipe.epochs, recipe.batch) = (1, 256)
  var sgd = SGD()
  sgd.rate = 1000
  recipe.optimizer = sgd
  recipe.schedule = ConstantSchedule()
  let trainer = try Trainer(recipe, data: data, threads: 1)
  #expect(throws: TrainError.self) { try trainer.run() }
}

@Test("schedules", arguments: [0.0, 0.05, 0.1, 0.5, 1.0])
func schedules(_ progress: Double) {
  var cosine = CosineSchedule()
  cosine.warmup = 0.1
  cosine.final = 0.01
  let factor = cosine.factor(at: progress)
  #expect(progress >= 0.1 || abs(factor - progress / 0.1) < 1e-12)
  #expect(progress < 1 || abs(factor - 0.01) < 1e-12)
  #expect(ConstantSchedule().factor(at: progress) == 1)
  #expect(abs(AnnealedSchedule().factor(at: progress) - (1 - progress)) < 1e-12)
}
