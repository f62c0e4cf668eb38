/// The words of help for `--data`.
enum DataHelp {
  static let reference: String = """
    test examples: a data set as NAME, NAME:N (the first N) or NAME:FIRST-END, or one's own as ./FOLDER, FILE.npz, X.npy,Y.npy, \
    FILE.csv or FILE.txt with the same endings
    """
}
