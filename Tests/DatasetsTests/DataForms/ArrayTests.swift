import DitherDatasets
import DitherTensor
import Foundation
import Testing

/// Arrays of one's own: archives and pairs.
@Suite("Arrays of one's own")
struct ArrayTests {
  private static func bytes(_ shape: Shape) -> Npy {
    Npy(shape, .uint8((0..<shape.count).map { UInt8($0 % 256) }))
  }
  private static func classes(_ count: Int, of classes: Int = 3) -> Npy {
    Npy([count], .int64((0..<count).map { Int64($0 % classes) }))
  }
  private static func archive(_ arrays: [String: Npy], deflated: Bool = false) -> [UInt8] {
    Written.zip(
      arrays.sorted { $0.key < $1.key }.map { ($0.key + ".npy", $0.value.bytes) }, deflated: deflated, wide: true)
  }

  @Test("an archive and a pair of the same arrays are the same set, by a fifth for tests")
  func sameByEither() throws {
    let x = Self.bytes([20, 1, 2, 3]), y = Self.classes(20)
    let folder = try Folder([
      "a.npz": Self.archive(["x": x, "y": y]), "b.npz": Self.archive(["inputs": x, "targets": y], deflated: true),
      "x.npy": x.bytes, "y.npy": y.bytes,
    ])
    let test = try folder.load("a.npz"), train = try folder.load("a.npz", .train)
    #expect(test.count == 4 && train.count == 16 && test.inputs.shape.row == [1, 2, 3])
    // Nobody has said which are to test: of how many they are a fifth is known, but for a part of them.
    #expect(test.undividedCount == 20 && test.byteInputs == [0] && test.first(2).undividedCount == nil)
    for name in ["b.npz", "x.npy,y.npy"] {
      let other = try folder.load(name)
      #expect(other.inputs == test.inputs && other.targets == test.targets && other.targetNames == ["0", "1", "2"])
    }
    // Each row with its own target: pixel 0 of row i is 6 i.
    for (row, label) in try test.labels.enumerated() {
      #expect(Int((test.inputs.row(row).first ?? 0) * 255 + 0.5) / 6 % 3 == label)
    }
  }

  @Test("published parts keep their order")
  func parts() throws {
    let folder = try Folder([
      "a.npz": Self.archive([
        "x_train": Self.bytes([6, 5]), "y_train": Self.classes(6, of: 2), "x_test": Self.bytes([3, 5]),
        "y_test": Self.classes(3),
      ])
    ])
    let (train, test) = (try folder.load("a.npz", .train), try folder.load("a.npz"))
    #expect(train.inputs == Tensor(pixels: (0..<30).map { UInt8($0) }, [6, 5]))
    #expect(train.undividedCount == nil && test.undividedCount == nil)
    #expect(try test.labels == [0, 1, 2] && train.labels == [0, 1, 0, 1, 0, 1])
    #expect(train.targets.width == 3 && test.targets.width == 3)
  }

  @Test("channels come first, or last where it is said, a lone plane is gray, floats stay as they are")
  func layouts() throws {
    let y = Self.classes(5, of: 2)
    func inputs(_ x: Npy, _ options: String = "") throws -> Tensor {
      try Folder(["a.npz": Self.archive(["x_test": x, "y_test": y])]).load("a.npz\(options)").inputs
    }
    let last = try inputs(Self.bytes([5, 2, 2, 3]))
    #expect(last.shape == [5, 3, 2, 2])
    #expect(last.row(0).map { Int($0 * 255 + 0.5) } == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])
    #expect(try inputs(Self.bytes([5, 4, 6])).shape == [5, 1, 4, 6])
    for (shape, numbers) in [([5, 2, 2, 3], Array(0..<12)), ([5, 3, 2, 2], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])] {
      let pixels = try inputs(Self.bytes(Shape(shape)), "?axes=hwc")
      #expect(pixels.shape == [5, 2, 2, 3] && pixels.row(0).map { Int($0 * 255 + 0.5) } == numbers)
    }
    #expect(try inputs(Self.bytes([5, 4, 6]), "?axes=hwc").shape == [5, 4, 6, 1])
    let floats = Tensor([5, 2], (0..<10).map { Float($0) - 4 })
    #expect(try inputs(Npy(floats)) == floats)
    let set = try Folder(["a.npz": Self.archive(["x_test": Npy(floats), "y_test": y])]).load("a.npz")
    #expect(set.byteInputs.isEmpty)
  }

  @Test("floats are values, whole numbers classes, unless it is said otherwise")
  func targets() throws {
    let x = Self.bytes([10, 2]), values = Npy(Tensor([10, 2], (0..<20).map { Float($0) / 4 }))
    let folder = try Folder([
      "v.npz": Self.archive(["x": x, "y": values]), "c.npz": Self.archive(["x": x, "y": Self.classes(10)]),
      "f.npz": Self.archive(["x": x, "y": Npy(Tensor([10], (0..<10).map { Float($0 % 3) }))]),
    ])
    #expect(try folder.load("v.npz").targetNames == ["y 1", "y 2"])
    #expect(try folder.load("f.npz").targetNames == ["y"])
    #expect(try folder.load("f.npz", targets: .classification).labels.count == 2)
    #expect(try folder.load("f.npz?task=classification").targets.width == 3)
    #expect(throws: DatasetError.self) { try folder.load("c.npz?task=regression").labels }
    expectFault(.malformed, says: "argmax(1)") { _ = try folder.load("v.npz?task=classification") }
  }

  @Test("without an x the arrays are a model's inputs by their names, side by side")
  func named() throws {
    let ids = Npy([10, 2], .int64((0..<20).map { Int64($0) })), mask = Npy([10], .bool((0..<10).map { $0 < 5 }))
    let scale = Npy(Tensor([10, 1], (0..<10).map { Float($0) / 8 })), y = Self.classes(10)
    let folder = try Folder([
      "a.npz": Self.archive(["ids_test": ids, "mask_test": mask, "y_test": y]),
      "x.npz": Self.archive(["x_test": scale, "ids_test": ids, "y_test": y]),
    ])
    let set = try folder.load("a.npz")
    #expect(set.layout == RowLayout([.init(name: "ids", shape: [2]), .init(name: "mask", shape: [])]))
    #expect(set.inputs.shape == [10, 3] && set.inputs.row(3) == [6, 7, 1] && set.inputs.row(7) == [14, 15, 0])
    #expect(set.first(4).layout == set.layout && set.first(4).inputs == set.inputs.rows(0..<4))
    // An x is all that there is, unless it is said otherwise.
    #expect(try folder.load("x.npz").layout == nil)
    let both = try folder.load("x.npz?inputs=x+ids")
    #expect(both.layout?.parts.map(\.name) == ["x", "ids"] && both.inputs.row(4) == [0.5, 8, 9])
    func refuse(_ words: String, _ arrays: [String: Npy], _ path: String = "a.npz") throws {
      let folder = try Folder(["a.npz": Self.archive(arrays)])
      expectFault(.malformed, says: words) { _ = try folder.load(path) }
    }
    try refuse("an array of 10 rows, as 'ids' has", ["ids_test": ids, "mask_test": Self.classes(9), "y_test": y])
    try refuse("at most 2^24", ["ids_test": Npy([10], .int64([Int64](repeating: 1 << 40, count: 10))), "y_test": y])
    try refuse("a target for each of 10", ["ids_test": ids, "y_test": Self.classes(9)])
    expectFault(.unsupported, says: "named inputs are taken as they lie") { _ = try folder.load("a.npz?axes=hwc") }
  }

  @Test("arrays that do not go together are refused")
  func refused() throws {
    func refuse(_ code: DatasetFault, _ words: String, _ arrays: [String: Npy]) throws {
      let folder = try Folder(["a.npz": Self.archive(arrays)])
      expectFault(code, says: words) { _ = try folder.load("a.npz") }
    }
    let x = Self.bytes([10, 2])
    try refuse(.malformed, "a target for each of 10", ["x": x, "y": Self.classes(9)])
    try refuse(.absent, "targets, as y", ["x": x, "labls": Self.classes(10)])
    try refuse(.absent, "arrays x_test and y_test", ["a": x])
    try refuse(.malformed, "[N, features]", ["x": Self.classes(10), "y": Self.classes(10)])
    try refuse(.malformed, "at least two rows", ["x": Self.bytes([1, 2]), "y": Self.classes(1)])
    try refuse(
      .malformed, "a class number from 0", ["x": x, "y": Npy([10], .int64([-1] + [Int64](repeating: 1, count: 9)))])
    try refuse(
      .malformed, "2 to 10000 classes", ["x": x, "y": Npy([10], .int64([Int64](repeating: 99_999, count: 10)))])
    try refuse(.malformed, "a finite number", ["x": x, "y": Npy(Tensor([10], [Float](repeating: .nan, count: 10)))])
    try refuse(
      .malformed, "NaN or an infinity",
      ["x": Npy(Tensor([10, 1], [Float](repeating: .infinity, count: 10))), "y": Self.classes(10)])
    let folder = try Folder(["a.npz": [1, 2, 3], "x.npy": x.bytes, "z.npy": [1, 2, 3]])
    expectFault(.malformed, says: "directory of a zip") { _ = try folder.load("a.npz") }
    expectFault(.malformed, says: "z.npy: expected NumPy's magic") { _ = try folder.load("x.npy,z.npy") }
    expectFault(.unsupported, says: "X.npy,Y.npy") { _ = try folder.load("x.npy") }
    expectFault(.absent) { _ = try folder.load("x.npy,y.npy") }
  }
}
