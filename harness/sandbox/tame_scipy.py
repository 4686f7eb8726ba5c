"""stub"""


def tame_scipy() -> None:
    import numpy as np, scipy.linalg as l, threading, os
    from scipy.optimize import linprog, milp, LinearConstraint, Bounds
    from scipy import optimize
    from scipy.optimize import _milp, _linprog_highs
    l.det(np.eye(300)*2)
    def show(w): open("/tmp/sbx/log","a").write(f"{w} {len(os.listdir('/proc/self/task'))}\n")
    show("start")
    plain = _milp._highs_wrapper
    def one(*args):
        *a, options = args
        return plain(*a, {**options, "threads": 1, "parallel": False})
    _milp._highs_wrapper = one
    _linprog_highs._highs_wrapper = one
    linprog([-3,-4],A_ub=[[2,3]],b_ub=[17.5],bounds=[(0,10)]*2)
    show("linprog")
    r=milp(c=np.array([-3,-4]), constraints=LinearConstraint(np.array([[2,3]]),-np.inf,17.5), integrality=np.array([1,1]), bounds=Bounds(0,10))
    show(f"milp {r.fun}")
