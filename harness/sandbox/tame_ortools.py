"""stub"""


def tame_ortools() -> None:
    import os
    def show(w): open("/tmp/sbx/log","a").write(f"{w} {len(os.listdir('/proc/self/task'))}\n")
    from ortools.sat.python import cp_model
    m=cp_model.CpModel(); x=m.new_int_var(0,9,"x"); m.maximize(x); s=cp_model.CpSolver(); s.parameters.num_workers=1; st=s.solve(m)
    show("cpsat")
    from ortools.linear_solver import pywraplp
    for name in ("SAT", "CBC", "SCIP"):
        s=pywraplp.Solver.CreateSolver(name)
        s.SetNumThreads(1)
        x=s.IntVar(0,10,"x"); y=s.IntVar(0,10,"y"); s.Add(2*x+3*y<=17.5); s.Maximize(3*x+4*y)
        st=s.Solve()
        show(name)
