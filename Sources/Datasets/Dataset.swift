import DitherBasics
import DitherTensor
import Foundation

/// Examples with their right answers.
public struct Dataset: Sendable {
  /// As the catalog has it.
  public var name: String
  /// [N, …]: pixels in [0, 1], or standardized features.
  public var inputs: Tensor
  /// How several named arrays lie in a row of `inputs`; nil: they are one.
  public var layout: RowLayout?
  /// The inputs that came as bytes and are divided by 255, by their numbers in `layout`, 0 of one alone; said of one's
  /// own arrays.
  public var byteInputs: Set<Int> = []
  /// A class for each example, or values.
  public var targets: Targets
  /// By class, or by value.
  public var targetNames: [String]
  /// Columns of a table that are standardized by its training part.
  public var standardizedColumns: Set<Int> = []
  /// The making of each number of a row, of a table: `age, less 38.6, over 13.7`, `town is Paris: 1, else 0`.
  public var features: [String]?
  /// Where examples of one's own were read from; nil: they are of the catalog.
  public var origin: DataOrigin?
  /// Examples in all, training and test, of data that their owner has not parted: every fifth of a fixed shuffle is the
  /// test part; nil: the parts were published, or this is some of a part.
  public var undividedCount: Int?
  /// The words behind the numbers of texts; nil: the inputs are none.
  public var vocabulary: Vocabulary?
  /// Number of the first example in the set that this is a part of: examples keep their numbers.
  public private(set) var start = 0
  /// Examples.
  public var count: Int { targets.count }

  /// A class for each example, from 0.
  /// - Throws: `unsupported` of a set for regression, which has values.
  public var labels: [Int] {
    get throws(DatasetError) {
      guard case .classes(let labels, _) = targets else {
        throw DatasetError(
          .unsupported, at: "data set '\(name)'", expected: "a set with classes",
          got: "one with \(targets.width == 1 ? "a value" : "\(targets.width) values") for each example")
      }
      return labels
    }
  }

  /// Pictures as bytes; nil of other inputs, and where a number is none of a byte divided by 255.
  public var pixels: [UInt8]? {
    guard inputs.shape.rank == 4, inputs.elements.allSatisfy({ (0...1).contains($0) }) else { return nil }
    let bytes = inputs.elements.map { UInt8(($0 * 255).rounded()) }
    return Tensor.pixels(bytes) == inputs.elements ? bytes : nil
  }

  /// - Parameter inputs: a row for each label.
  public init(name: String, inputs: Tensor, labels: [Int], classNames: [String]) {
    self.init(
      name: name, inputs: inputs, targets: .classes(labels, count: classNames.count), targetNames: classNames)
  }

  /// - Parameter inputs: a row for each target.
  public init(name: String, inputs: Tensor, targets: Targets, targetNames: [String]) {
    precondition(inputs.rowCount == targets.count, "a target for each row")
    self.name = name
    self.inputs = inputs
    self.targets = targets
    self.targetNames = targetNames
  }
  /// The first examples, or all where there are fewer.
  public func first(_ count: Int) -> Dataset { part(0..<min(count, self.count)) }
  private func part(_ range: Range<Int>) -> Dataset {
    var part = rows(Array(range))
    part.start = start + range.lowerBound
    if range.count < count { part.undividedCount = nil }
    return part
  }
  /// Some examples, in any order.
  public func rows(_ indices: [Int]) -> Dataset {
    var rows = self
    (rows.inputs, rows.targets, rows.start) = (inputs.rows(at: indices), targets.rows(indices), 0)
    return rows
  }
}

/// Which part of a set: what models are trained on, or what they are tested on.
public enum Split: String, Sendable, CaseIterable { case train, test }

/// A published data set: which files it is, and how they are read.
public protocol DatasetSource: Sendable {
  static var name: String { get }
  static var summary: String { get }
  static var files: [DataFile] { get }
  /// Files that only some options need.
  static var extraFiles: [DataFile] { get }
  /// Which splits there are; a set for out-of-distribution tests may have no training part.
  static var splits: [Split] { get }
  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset
  /// The same with the options of a reference; by default there are none.
  static func load(_ split: Split, options: [String: String], from root: DataRoot) throws -> Dataset
}

extension DatasetSource {
  /// Parts that there are; by default both.
  public static var splits: [Split] { Split.allCases }
  /// Files that only some options need: none by default.
  public static var extraFiles: [DataFile] { [] }
  /// Refuses options, of which there are none.
  public static func load(_ split: Split, options: [String: String], from root: DataRoot) throws -> Dataset {
    if let key = options.keys.sorted().first {
      throw Parameters.unknown(key, among: [], of: "data set '\(name)', options")
    }
    return try load(split, from: root)
  }
  /// Whether all of its files lie in the root.
  public static func isPresent(in root: DataRoot) -> Bool { files.allSatisfy { root.find($0.path) != nil } }

  static func check(_ split: Split) throws(DatasetError) {
    guard splits.contains(split) else {
      throw DatasetError(.absent, at: "data set '\(name)'", expected: "a \(split.rawValue) part", got: "none")
    }
  }
}

extension Catalog where Entry == any DatasetSource.Type {
  /// All that `dither data list` shows.
  public static let dataSets = Catalog(
    "data set",
    [
      Mnist.self, FashionMnist.self, Cifar10.self, NotMnist.self, Cifar100Subset.self, OpticalDigits.self,
      BreastCancer.self, Wine.self,
      Iris.self, WineQualityRed.self, WineQualityWhite.self, Adult.self,
      Concrete.self, Energy.self, Kin8nm.self, NavalPropulsion.self, PowerPlant.self, Protein.self, WineRedMarks.self,
      Yacht.self,
      SST2.self, Trec.self, SmsSpam.self,
      Sphere.self, Rosenbrock.self, Rastrigin.self,
    ], name: { $0.name })
}

extension Dataset {
  /// The examples that a reference names: "mnist"; "mnist:100", the first hundred; "mnist:5000-10000", from the 5000th up
  /// to the 10 000th, counted from 0; of a split. A path does the same.
  /// - Parameters:
  ///   - access: whether it may name files.
  ///   - targets: what targets of one's own are taken for, where the reference does not say; nil: by what they are.
  public static func load(
    _ reference: String, _ split: Split = .test, from root: DataRoot = .standard, access: DataAccess = .names,
    targets: TargetKind? = nil
  ) throws -> Dataset {
    let reference = try DataReference(reference), set: Dataset
    if reference.isPath, access == .paths {
      set = try load(split, ofPath: reference, targets)
    } else {
      set = try source(reference).load(split, options: reference.options, from: root)
    }
    guard let part = reference.part else { return set }
    guard part.upperBound <= set.count else {
      throw DatasetError(
        .malformed, at: "data set '\("\(reference)".clipped())'", expected: "examples up to \(set.count)",
        got: "\(part.upperBound)")
    }
    return set.part(part)
  }

  private static func source(_ reference: DataReference) throws -> any DatasetSource.Type {
    do { return try Catalog.dataSets.entry(named: reference.name) } catch {
      guard reference.isPath || FileManager.default.fileExists(atPath: reference.name) else { throw error }
      var fault = error
      fault.advice =
        reference.isPath
        ? "files are read by commands on their own machine, not by a server"
        : "say './\(reference.name)' for the file or folder"
      throw fault
    }
  }
}
