/// A probe's measures beside accuracy: numbers, and curves to draw.
public struct Summary: Codable, Sendable, Equatable {
  /// Numbers, in the order of the table.
  public var measures: [Measure] = []
  /// Curves, in the order of their charts.
  public var series: [Series] = []
  /// Tests of the measurement itself: checks of the report, which says them there and leaves them out here.
  package var remarks: [Remark]?
  public init() {}

  /// Whether a measurement means what it seems to.
  package struct Remark: Codable, Sendable, Equatable {
    /// Its name among the checks: `conformal_examples`.
    var check: String
    var passed: Bool
    var message: String
  }

  mutating func remark(_ check: String, passed: Bool, _ message: String) {
    remarks = (remarks ?? []) + [Remark(check: check, passed: passed, message: message)]
  }

  /// One number.
  public struct Measure: Codable, Sendable, Equatable {
    /// As the field writes it: `aurc`, `lambda_max`.
    public var name: String
    /// Finite.
    public var value: Double
    /// 95 %, where one is known.
    public var interval: Interval?
    /// The number of cases that it is a mean over.
    public var n: Int?
    /// One line for a reader.
    public var meaning: String

    public init(_ name: String, _ value: Double, _ interval: Interval? = nil, n: Int? = nil, _ meaning: String) {
      self.name = name
      self.value = value
      self.interval = interval
      self.n = n
      self.meaning = meaning
    }
  }

  /// One curve. Series of one `chart` are drawn together.
  public struct Series: Codable, Sendable, Equatable {
    /// The chart's title.
    public var chart: String
    public var name: String
    /// The title of the horizontal axis.
    public var x: String
    /// The title of the vertical axis.
    public var y: String
    /// In the order in which they are joined.
    public var points: [Point]
    /// How it is drawn; left out: as a line.
    public var form: Form?

    /// Ways to draw a curve.
    public enum Form: String, Codable, Sendable {
      /// A histogram's: each point's bar is as wide as the points are apart.
      case bars
    }

    /// - Parameter chart: its title; series of one title are drawn together.
    public init(chart: String, name: String, x: String, y: String, points: [Point], form: Form? = nil) {
      self.form = form
      self.chart = chart
      self.name = name
      self.x = x
      self.y = y
      self.points = points
    }
  }

  /// A point of a curve.
  public struct Point: Codable, Sendable, Equatable {
    /// Along the horizontal axis.
    public var x: Double
    /// Along the vertical axis.
    public var y: Double
    /// The interval of `y`, where one is known.
    public var interval: Interval?

    public init(_ x: Double, _ y: Double, _ interval: Interval? = nil) {
      self.x = x
      self.y = y
      self.interval = interval
    }
    public init(_ x: Double, _ share: Proportion) { self.init(x, share.value, share.interval) }
  }

  /// The value of a measure; nil where there is none of the name.
  public subscript(name: String) -> Double? { measures.first { $0.name == name }?.value }

  mutating func add(_ name: String, _ value: Double, n: Int? = nil, _ meaning: String) {
    // JSON has no other numbers.
    guard value.isFinite else { return }
    measures.append(Measure(name, value, n: n, meaning))
  }

  mutating func add(_ name: String, _ value: Double, _ interval: Interval, n: Int? = nil, _ meaning: String) {
    guard value.isFinite, interval.low.isFinite, interval.high.isFinite else { return }
    measures.append(Measure(name, value, interval, n: n, meaning))
  }

  mutating func add(_ series: Series) {
    var series = series
    series.points.removeAll { !$0.x.isFinite || !$0.y.isFinite }
    self.series.append(series)
  }
}
