// PCA of sentence vectors in two or three dimensions, and how well it keeps nearest neighbours, as in mtl/maps.py.
import { dot } from "./model.js";

const SAME_COSINE = 1e-5; // closer ones are equal
const SPARE = 6, ROUNDS = 100; // directions that are found besides, so that the first ones are exact sooner

export const pca = (vectors, dims) => {
  const count = vectors.length, size = vectors[0].length, mean = new Float64Array(size);
  for (const vector of vectors) vector.forEach((value, i) => { mean[i] += value / count; });
  const centred = vectors.map((vector) => Float64Array.from(vector, (value, i) => value - mean[i]));
  const axes = principal(centred, Math.min(dims, count, size));
  const points = centred.map((vector) => axes.map((axis) => dot(vector, axis)));
  return points.map((point) => [...point, ...Array(dims - point.length).fill(0)]);
};

// The directions in which the rows differ most, by subspace iteration: many times through the rows and back, then the
// few that are left by Jacobi's method. The largest number of each is positive, so that maps do not flip.
const principal = (rows, wanted) => {
  const size = rows[0].length, several = Math.min(wanted + SPARE, size, rows.length);
  let axes = Array.from({ length: several }, (_, j) => Float64Array.from({ length: size }, (_, i) => Math.cos((i + 1) * (j + 1))));
  const through = (axis) => {
    const sum = new Float64Array(size);
    for (const row of rows) {
      const along = dot(row, axis);
      for (let i = 0; i < size; i++) sum[i] += along * row[i];
    }
    return sum;
  };
  for (let round = 0; round < ROUNDS; round++) axes = orthonormal(axes.map(through));
  const images = axes.map(through), inner = axes.map((axis) => images.map((image) => dot(axis, image)));
  const { values, vectors } = jacobi(inner);
  const order = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, wanted);
  return order.map((place) => {
    const axis = Float64Array.from({ length: size }, (_, i) => axes.reduce((sum, each, j) => sum + vectors[j][place] * each[i], 0));
    const largest = axis.reduce((best, value, i) => (Math.abs(value) > Math.abs(axis[best]) ? i : best), 0);
    return axis[largest] < 0 ? axis.map((value) => -value) : axis;
  });
};
// Where there are fewer directions than asked for, the others are zero.
const orthonormal = (vectors) => {
  const done = [];
  for (const vector of vectors) {
    const before = Math.sqrt(dot(vector, vector));
    for (let twice = 0; twice < 2; twice++) {
      for (const other of done) {
        const along = dot(vector, other);
        vector.forEach((_, i) => { vector[i] -= along * other[i]; });
      }
    }
    const length = Math.sqrt(dot(vector, vector)), isNone = length <= 1e-9 * before || length === 0;
    done.push(vector.map((value) => (isNone ? 0 : value / length)));
  }
  return done;
};
// Eigenvalues and eigenvectors (as columns) of a small symmetric matrix.
const jacobi = (given) => {
  const matrix = given.map((row) => [...row]), n = matrix.length;
  const vectors = matrix.map((_, i) => matrix.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 50; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(matrix[p][q]) < 1e-300) continue;
        const theta = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1), s = t * c;
        for (let k = 0; k < n; k++) [matrix[k][p], matrix[k][q]] = [c * matrix[k][p] - s * matrix[k][q], s * matrix[k][p] + c * matrix[k][q]];
        for (let k = 0; k < n; k++) [matrix[p][k], matrix[q][k]] = [c * matrix[p][k] - s * matrix[q][k], s * matrix[p][k] + c * matrix[q][k]];
        for (let k = 0; k < n; k++) [vectors[k][p], vectors[k][q]] = [c * vectors[k][p] - s * vectors[k][q], s * vectors[k][p] + c * vectors[k][q]];
      }
    }
  }
  return { values: matrix.map((row, i) => row[i]), vectors };
};

// On how many points the nearest neighbour by cosine is also the nearest on the map.
export const neighboursKept = (vectors, points) => {
  const size = Math.max(...points[0].map((_, axis) => {
    const along = points.map((point) => point[axis]);
    return along.reduce((a, b) => Math.max(a, b)) - along.reduce((a, b) => Math.min(a, b));
  }));
  let kept = 0;
  points.forEach((point, row) => {
    const cosines = vectors.map((vector, other) => (other === row ? -Infinity : dot(vectors[row], vector)));
    const distances = points.map((each, other) => (other === row ? Infinity : Math.hypot(...each.map((value, axis) => value - point[axis]))));
    const most = cosines.reduce((a, b) => Math.max(a, b)) - SAME_COSINE;
    const least = distances.reduce((a, b) => Math.min(a, b)) + 1e-6 * size;
    const near = [...distances.keys()].filter((other) => distances[other] <= least);
    kept += near.filter((other) => cosines[other] >= most).length / near.length;
  });
  return kept;
};

// `points` turned or mirrored as a whole, so that those of an earlier layout lie as near as possible to where they lay.
// `pairs`: (row, earlier row).
export const aligned = (points, earlier, pairs) => {
  const centre = (some) => some[0].map((_, axis) => some.reduce((sum, point) => sum + point[axis], 0) / some.length);
  const [shared, target] = [pairs.map(([row]) => points[row]), pairs.map(([, row]) => earlier[row])];
  const [from, to] = [centre(shared), centre(target)];
  const product = from.map((_, i) => to.map((_, j) => shared.reduce((sum, point, k) => sum + (point[i] - from[i]) * (target[k][j] - to[j]), 0)));
  const turn = nearestTurn(product);
  if (!turn) return points;
  return points.map((point) => to.map((shift, j) => point.reduce((sum, value, i) => sum + (value - from[i]) * turn[i][j], shift)));
};
// The orthogonal factor of a matrix M: M (M'M)^(-1/2). None where the points lie on a line.
const nearestTurn = (matrix) => {
  const times = (one, other) => one.map((row) => other[0].map((_, j) => row.reduce((sum, value, k) => sum + value * other[k][j], 0)));
  const flipped = (some) => some[0].map((_, j) => some.map((row) => row[j]));
  const { values, vectors } = jacobi(times(flipped(matrix), matrix));
  if (Math.min(...values) <= 1e-10 * Math.max(...values)) return null;
  const scaled = vectors.map((row) => row.map((value, k) => value / Math.sqrt(values[k])));
  return times(matrix, times(scaled, flipped(vectors)));
};
