import DitherBasics
import DitherDatasets
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// A training on the disk is whole, or it is refused.
@Suite("Checkpoints")
struct CheckpointTests {
  private static let recipe = "name: a\ndata: iris\nmodel: {kind: mlp, hidden: [3]}\nepochs: 4\nbatch: 8\n"
  private static func data() -> Dataset {
    Dataset(
      name: "few", inputs: .random([24, 2], seed: 1), labels: (0..<24).map { $0 % 2 }, classNames: ["a", "b"])
  }
  private static func trained(steps: Int) throws -> Checkpoint {
    let trainer = try Trainer(Recipe(yaml: recipe), data: data(), threads: 1)
    var done = 0
    try trainer.run(shouldStop: {
      done += 1
      return done > steps
    })
    return trainer.checkpoint()
  }
  private static func read(_ bytes: [UInt8]) throws -> Checkpoint {
    let scratch = try Scratch(), path = scratch.file("c")
    try Data(bytes).write(to: URL(filePath: path))
    return try Checkpoint(file: path)
  }
  private static func written(_ checkpoint: Checkpoint) throws -> [UInt8] {
    let scratch = try Scratch()
    try checkpoint.write(to: scratch.file("c"))
    #expect(scratch.files == ["c"], "nothing else is left")
    return [UInt8](try Data(contentsOf: URL(filePath: scratch.file("c"))))
  }

  @Test("what is written is read, whatever it holds")
  func roundTrip() throws {
    let position = try Self.trained(steps: 0).position
    for checkpoint in [
      try Self.trained(steps: 5),
      Checkpoint(recipe: "ä\n\"", seed: .max, epochs: 0, threads: 1, position: position, buffers: []),
      Checkpoint(
        recipe: "", seed: 0, epochs: 1, threads: 256, position: position,
        buffers: [[], [-0.0, .infinity, .leastNonzeroMagnitude], []]),
    ] {
      #expect(try Self.read(Self.written(checkpoint)) == checkpoint)
    }
  }

  @Test("no byte of it can be changed, left out or added")
  func damage() throws {
    let whole = try Self.written(Self.trained(steps: 2))
    for at in whole.indices {
      var other = whole
      other[at] ^= UInt8(1 << (at % 8))
      #expect(throws: TrainError.self, "bit \(at % 8) of byte \(at)") { try Self.read(other) }
      if at % 7 == 0 { #expect(throws: TrainError.self) { try Self.read(Array(whole[..<at])) } }
    }
    #expect(throws: TrainError.self) { try Self.read(whole + [0]) }
    #expect(throws: TrainError.self) { try Checkpoint(file: "/no/such/file") }
  }

  @Test(
    "one that says what cannot be is refused, whoever wrote it",
    arguments: [
      (#""counts":\[[0-9,]*\]"#, #""counts":[9223372036854775807,9223372036854775807]"#),
      (#""counts":\[[0-9,]*\]"#, #""counts":[-1,1]"#), (#""counts":\[[0-9,]*\]"#, #""counts":[]"#),
      (#""epochs":[0-9]+"#, #""epochs":"four""#),
    ])
  func hostile(_ pattern: String, _ replacement: String) throws {
    let whole = try Self.written(Self.trained(steps: 2)), magic = 20, content = magic + 32
    let length = (0..<8).reduce(0) { $0 | Int(whole[content + $1]) << (8 * $1) }
    let header = String(decoding: whole[(content + 8)..<(content + 8 + length)], as: UTF8.self)
    let changed = header.replacing(try Regex(pattern), with: replacement)
    try #require(changed != header)
    func sealed(_ header: String) -> [UInt8] {
      let body =
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
        + whole[(content + 8 + length)...]
      return whole[..<magic] + Sha256.hash(body).bytes + body
    }
    #expect(try Self.read(sealed(header)) == Self.trained(steps: 2), "the seal itself is right")
    #expect(throws: TrainError.self) { try Self.read(sealed(changed)) }
  }

  @Test("a place outside of the run is refused")
  func place() throws {
    let recipe = try Recipe(yaml: Self.recipe), good = try Self.trained(steps: 4)
    #expect(good.position.epoch == 1 && good.position.step == 1)
    _ = try Trainer(recipe, data: Self.data(), checkpoint: good, threads: 1)
    for change in [
      { $0.epoch = -1 }, { $0.epoch = 5 }, { $0.step = -1 }, { $0.step = 4 }, { $0.bestEpoch = 2 },
      { $0.bestEpoch = -1 }, { $0.epoch = .max }, { $0.step = .max },
    ] as [(inout Checkpoint.Position) -> Void] {
      var wrong = good
      change(&wrong.position)
      let error = #expect(throws: TrainError.self) {
        try Trainer(recipe, data: Self.data(), checkpoint: wrong, threads: 1)
      }
      #expect(error?.code == .checkpoint && error?.expected == "a place within 4 epochs of 3 steps")
    }
  }

  @Test("it says how many threads computed it, and another number goes on")
  func threads() throws {
    let recipe = try Recipe(yaml: Self.recipe), one = try Self.trained(steps: 4)
    #expect(one.threads == 1)
    let two = try Trainer(recipe, data: Self.data(), checkpoint: one, threads: 2)
    #expect(two.checkpoint().threads == 2 && two.checkpoint().buffers == one.buffers)
  }

  @Test("numbers of another network are refused")
  func otherNetwork() throws {
    let recipe = try Recipe(yaml: Self.recipe)
    for change in [{ $0.removeAll() }, { $0.removeLast() }, { $0[0].removeLast() }, { $0 += [[], []] }]
      as [(inout [[Float]]) -> Void]
    {
      var wrong = try Self.trained(steps: 1)
      change(&wrong.buffers)
      let error = #expect(throws: TrainError.self) {
        try Trainer(recipe, data: Self.data(), checkpoint: wrong, threads: 1)
      }
      #expect(error?.code == .checkpoint && error?.expected.hasPrefix("buffers of") == true)
    }
  }
}
