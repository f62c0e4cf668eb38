import DitherBasics
import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import DitherTrain
import Testing

/// What holds for every augmentation of the catalog, and what each one is.
@Suite("Every augmentation")
struct EveryAugmentationTests {
  private static let kinds = Catalog<any Augmentation.Type>.augmentations

  /// Pictures of two classes, which differ by where they are bright.
  private static func pictures(_ count: Int = 64) -> Dataset {
    let inputs = Tensor([count, 2, 8, 8]) { out in
      for i in out.indices { out[i] = ((i / 128 + (i / 8) % 8 / 4) % 2 == 0 ? 0.2 : 0.8) + Float(i % 8) / 80 }
    }
    return Dataset(name: "pictures", inputs: inputs, labels: (0..<count).map { $0 % 2 }, classNames: ["a", "b"])
  }

  private static func recipe(_ augment: String) throws -> Recipe {
    try Recipe(
      yaml: """
        {name: test, data: mnist, model: {kind: cnn, channels: [4], hidden: []}, epochs: 3, batch: 16, seed: 3,
        optimizer: {kind: sgd, rate: 0.05}, augment: \(augment)}
        """)
  }

  private static func changed(
    _ augmentation: any Augmentation, _ pixels: [Float], seed: UInt64, channels: Int = 2, height: Int = 8,
    width: Int = 8,
    example: Int = 0, epoch: Int = 0
  ) -> [Float] {
    var picture = Picture(
      pixels: pixels, channels: channels, height: height, width: width, example: example, epoch: epoch)
    var chance = Chance(NoiseAddress(seed: seed))
    augmentation.apply(&picture, &chance)
    return picture.pixels
  }

  private static func made<A: Augmentation>(_ parameters: [String: String], _ augmentation: A) throws -> A {
    try Parameters.overlay(settings: parameters.mapValues { Setting($0) }, on: augmentation, of: A.name)
  }

  @Test("keeps shape and range, changes something, and a seed's draws are its own", arguments: kinds.entries)
  func range(_ kind: any Augmentation.Type) throws {
    let picture = Tensor.random([2, 8, 8], seed: 3).elements.map { min(max(0.5 + $0 / 4, 0), 1) }
    let all = (0..<50 as Range<UInt64>).map { Self.changed(kind.init(), picture, seed: $0) }
    #expect(all.allSatisfy { $0.count == 128 && $0.allSatisfy { (0...1).contains($0) } })
    #expect(Set(all).count > 1 && all.contains { $0 != picture })
    #expect(Self.changed(kind.init(), picture, seed: 7) == all[7])
    // One of a single pixel too.
    #expect(Self.changed(kind.init(), [0.5], seed: 1, channels: 1, height: 1, width: 1).count == 1)
  }

  @Test(
    "a run learns with it, gives the same bytes again, also by halves, and others than without", arguments: kinds.names)
  func runs(_ name: String) throws {
    let data = Self.pictures(), recipe = try Self.recipe("[\(name)]")
    let (whole, second) = try Halves.run(recipe, data, steps: 5)
    #expect(try second.snapshot().onnx() == whole.snapshot().onnx())
    let plain = try Trainer(Self.recipe("[]"), data: data, threads: 1)
    try plain.run()
    #expect(try plain.snapshot().onnx() != whole.snapshot().onnx())
  }

  @Test("a table has no pictures", arguments: kinds.names)
  func tables(_ name: String) {
    let error = #expect(throws: TrainError.self) {
      try Trainer(
        Recipe(yaml: "{name: test, data: iris, augment: [\(name)]}"), data: GoalTests.sides(), threads: 1)
    }
    #expect(error?.place == "recipe, 'augment'")
  }

  @Test("names and keys that are not known are refused with the nearest", arguments: kinds.entries)
  func refused(_ kind: any Augmentation.Type) throws {
    func keys<A: Augmentation>(_ augmentation: A) -> [String] { Parameters.keys(of: augmentation) }
    #expect {
      try Self.recipe("[\(kind.name)x]")
    } throws: { "\($0)".contains("did you mean '\(kind.name)'?") && "\($0)".contains("'augment', item 1") }
    for key in keys(kind.init()) {
      #expect {
        try Self.recipe("[{kind: \(kind.name), \(key)x: 1}]")
      } throws: { "\($0)".contains("did you mean '\(key)'?") }
      #expect(throws: (any Error).self) { try Self.recipe("[{kind: \(kind.name), \(key): -1}]") }
    }
  }

  @Test("flips mirror half of the pictures, or take turns")
  func flips() throws {
    let picture: [Float] = (0..<128).map { Float($0) / 128 }
    let mirrored: [Float] = (0..<128).map { (at: Int) -> Float in picture[at - at % 8 + 7 - at % 8] }
    let all = (0..<400 as Range<UInt64>).map { Self.changed(Flip(), picture, seed: $0) }
    #expect(all.allSatisfy { $0 == picture || $0 == mirrored })
    #expect(abs(all.count { $0 == mirrored } - 200) < 50)
    var turns = Flip()
    turns.alternating = true
    var first = 0
    for example in 0..<400 {
      let epochs = (0..<4).map { epoch in
        Self.changed(turns, picture, seed: UInt64(9 * epoch), example: example, epoch: epoch) == mirrored
      }
      #expect(epochs[0] != epochs[1] && epochs[0] == epochs[2] && epochs[1] == epochs[3])
      if epochs[0] { first += 1 }
    }
    #expect(abs(first - 200) < 50)
  }

  @Test("a shift moves by whole pixels, all alike, and pads as it says")
  func shifts() throws {
    // A ramp, so that a pixel tells where it comes from.
    let picture = (0..<64).map { Float($0 + 1) / 65 }
    for padding in Shift.Padding.allCases {
      var shift = Shift()
      (shift.pixels, shift.padding) = (2, padding)
      var seen: [Int: Int] = [:]
      for seed in 0..<2000 as Range<UInt64> {
        let found = Self.changed(shift, picture, seed: seed, channels: 1)
        let place = picture.firstIndex(of: found[3 * 8 + 3]) ?? -1, down = 3 - place / 8, right = 3 - place % 8
        #expect(abs(down) <= 2 && abs(right) <= 2)
        seen[5 * down + right, default: 0] += 1
        for (at, value) in found.enumerated() {
          func source(_ at: Int) -> Int? {
            if (0..<8).contains(at) { return at }
            return padding == .zero ? nil : at < 0 ? -at : 14 - at
          }
          let from = source(at / 8 - down).flatMap { y in source(at % 8 - right).map { 8 * y + $0 } }
          #expect(value == from.map { picture[$0] } ?? 0)
        }
      }
      #expect(seen.count == 25 && seen.values.allSatisfy { abs($0 - 80) < 45 })
    }
  }

  @Test("cutout takes one square from all channels, and nothing else")
  func cutout() {
    var cutout = Cutout()
    cutout.size = 3
    let picture = [Float](repeating: 0.5, count: 128)
    for seed in 0..<200 as Range<UInt64> {
      let found = Self.changed(cutout, picture, seed: seed)
      let holes = (0..<64).filter { found[$0] == 0 }
      #expect(holes == (0..<64).filter { found[64 + $0] == 0 } && found.allSatisfy { $0 == 0 || $0 == 0.5 })
      let rows = Set(holes.map { $0 / 8 }), columns = Set(holes.map { $0 % 8 })
      #expect(holes.count == rows.count * columns.count && (2...3).contains(rows.count))
    }
  }

  @Test("what does nothing gives the picture back; a quarter turn is exact")
  func identities() throws {
    let picture = Tensor.random([2, 8, 8], seed: 5).elements.map { min(max(0.5 + $0 / 4, 0), 1) }
    var crop = Crop(), rotation = Rotation(), random = RandAugment()
    (crop.least, rotation.degrees, random.magnitude) = (1, 0, 0)
    for seed in 0..<20 as Range<UInt64> {
      for found in [Self.changed(rotation, picture, seed: seed), Self.changed(random, picture, seed: seed)] {
        // A posterization of 256 levels is near it.
        #expect(zip(found, picture).allSatisfy { abs($0 - $1) < 0.003 })
      }
      // The area is all of it; its sides are not longer than the picture.
      #expect(Self.changed(crop, picture, seed: seed).allSatisfy { (0...1).contains($0) })
    }
  }
}
