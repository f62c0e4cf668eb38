/// Irises of three kinds. Source: UCI Machine Learning Repository, CC BY 4.0.
enum Iris: Table {
  static let name = "iris"
  static let summary = "irises by 4 measurements, 150"
  static let classNames = ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]
  static let files = [
    DataFile(
      "uci/iris/iris.csv", from: "https://raw.githubusercontent.com/jbrownlee/Datasets/master/iris.csv",
      sha256: "f5d0c11e5c78a69a20dbb80baf2b24703f59a6687595752abb397d23732647c5", bytes: 4_549)
  ]
}
